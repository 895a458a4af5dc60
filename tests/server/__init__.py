"""The protocol classes of `microsockets.server` in real servers, against peers that speak in bytes."""
