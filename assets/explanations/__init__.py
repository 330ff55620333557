"""Why each item is on a list: reasons, their keys, and true sentences from fact sheets."""
