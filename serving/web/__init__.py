"""The HTTP service: what is asked, who may ask, what is answered, and what is counted."""
