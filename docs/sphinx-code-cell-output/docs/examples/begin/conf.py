extensions = ["sphinx_code_cell_output"]  # sets up myst_nb
nb_execution_mode = "force"
nb_execution_raise_on_error = False
