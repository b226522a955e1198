"""Peers: who we are to them, who they are to us, where we stand, and our letters to them."""
