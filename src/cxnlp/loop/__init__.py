"""The label loop: what to label next, label tools, agreement."""
