"""The WebSocket protocol: the only place that knows JSON, error codes and close codes.

`client` and `server` declare the messages, `connect` the query of a connection, `errors` what goes wrong and how it
is told, `roles` who may do what, `wire` turns events into bytes, `document` generates the AsyncAPI document.
"""
