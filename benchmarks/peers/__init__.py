"""The servers that are measured, each written as its documentation advises. All answer the same requests:

- `echo`: the payload, a `Text`, is validated and given back as the answer;
- `join`: the connection becomes a member of the room "lobby"; the answer says when;
- `say`: the payload, a `Text`, is validated and sent to all members; the answer says when that is done or on its way.

A payload that does not validate is answered with an error.
"""
