"""The page edge: public pages rendered on the server, whole without JavaScript."""
