"""Plugins: how they announce components, and how vadkit finds and loads them."""
