"""What each accepted message does: check() before it is stored, apply() in order afterwards."""
