"""Exports of our generators, healthy and broken, through the paired gate."""
