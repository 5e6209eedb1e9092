"""Tool calls that a model wrote as text: `recognition.py`, and the shapes of chat templates in `call_templates.py`."""
