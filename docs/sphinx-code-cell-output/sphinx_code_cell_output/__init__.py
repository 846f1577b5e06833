"""Check MyST-NB pages: every cell output, and more, is compared in every build."""
