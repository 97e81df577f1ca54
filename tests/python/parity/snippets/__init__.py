"""Snippets by theme: small functions that must answer alike under OpenVINO and coinfer."""
