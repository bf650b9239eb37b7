# SPDX-License-Identifier: MIT
from gevent.server import StreamServer


def serve(client, address):
    while data := client.recv(16 * 1024):
        client.sendall(data)
    client.close()


server = StreamServer(('127.0.0.1', 0), serve, backlog=4096)
server.start()
print('port', server.server_port, flush=True)
server.serve_forever()
