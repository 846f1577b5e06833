extensions = ["sphinx_code_cell_output"]
nb_execution_mode = "force"
code_cell_output_kernel_manager = "kernels.SharedKernelManager"
code_cell_output_replace = {r"took \d+ ms": "took <time>"}
