"""The chat example under real servers, with real peers."""
