"""What microsockets costs, beside a raw ASGI application on the same server in the same run."""
