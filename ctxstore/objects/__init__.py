"""Anything named by an id: encoded, cut, put and got."""
