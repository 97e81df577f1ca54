"""Programs that show coinfer on real work; run them from the project's root with ``python -m``."""
