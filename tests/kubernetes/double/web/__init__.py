"""HTTP/1.1, HTTP/2, WebSocket and SPDY/3.1 as kube-apiserver serves them."""
