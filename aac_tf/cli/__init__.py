"""Thin command lines: parse, call, print."""
