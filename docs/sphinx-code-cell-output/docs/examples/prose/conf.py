extensions = ["sphinx_code_cell_output", "sphinx_code_cell_output.prose"]
nb_execution_mode = "force"
code_cell_output_kernel_manager = "kernels.SharedKernelManager"
