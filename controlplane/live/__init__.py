"""Websockets: pages that stay true, logs that follow, and the playground's stream."""
