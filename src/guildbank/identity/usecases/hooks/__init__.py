"""The studio's own server has a say: it is asked, and its hooks are kept."""
