import sys

sys.path.append(".")
extensions = ["sphinx_code_cell_output", "sphinx_code_cell_output.dependencies"]
nb_execution_mode = "force"
code_cell_output_dependencies = {"lengths": "lengths.py"}
