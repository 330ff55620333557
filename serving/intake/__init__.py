"""What comes in while lists are served: posted events, and which lists were shown."""
