extensions = ["sphinx_code_cell_output"]
nb_execution_mode = "force"
nb_execution_raise_on_error = False
code_cell_output_kernel_manager = "kernels.SharedKernelManager"
