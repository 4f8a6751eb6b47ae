"""The doors of an authority over HTTP: thin ASGI, each a few lines before a function of a room.

>>> from eds.http import Application, Route, RouteTable
"""

from .application import Application, Limits
from .messages import Door, Request, Response
from .routing import Route, RouteTable

__all__ = ["Application", "Door", "Limits", "Request", "Response", "Route", "RouteTable"]
