"""Clients made of bare sockets, for what no well-behaved program does."""

import contextlib
import selectors
import socket
import struct
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: check\r\n\r\n"
HALF_A_HEADER = REQUEST[:-9]
ASK_SECONDS = 10
WAITS, CLOSED = None, "closed"


class Client:
    """A connection; `answer` is the status of the last response, WAITS, or CLOSED without one."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=ASK_SECONDS)
        self.received = b""
        self.answer = WAITS
        self.asked = 0.0  # when the last request was sent, of the monotonic clock
        self.is_last = False  # the server has announced that it will close

    def ask(self, request=REQUEST):
        self.received, self.answer = b"", WAITS
        with contextlib.suppress(OSError):  # take() finds it closed
            self.socket.sendall(request)
        self.asked = time.monotonic()

    def take(self):
        """Reads what is there; the socket is readable."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if end:
            fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
            if len(body) >= int(fields[b"content-length"]):
                self.answer = int(head.split(b" ", 2)[1])
                self.is_last = fields.get(b"connection", b"").strip() == b"close"
        if not data and self.answer is WAITS:
            self.answer = CLOSED

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends it with RST in place of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def gather(clients, done, seconds):
    """Reads answers until done() is true, asked every 20 ms at least, or that time is over."""
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            if client.answer is WAITS:
                selector.register(client.socket, selectors.EVENT_READ, client)
        while not done() and time.monotonic() < end:
            for key, _ in selector.select(0.02):
                key.data.take()
                if key.data.answer is not WAITS:
                    selector.unregister(key.fileobj)


def keep_asking(clients, request, done):
    """Each asks again once it is answered, until the server closes, or announces to, or done() is true,
    asked every 20 ms at least. How many answers came."""
    answered = 0
    with selectors.DefaultSelector() as selector:
        for client in clients:
            if client.answer is WAITS:
                selector.register(client.socket, selectors.EVENT_READ, client)
        while selector.get_map() and not done():
            for key, _ in selector.select(0.02):
                client = key.data
                client.take()
                answered += client.answer == 200
                if client.answer == 200 and not client.is_last:
                    client.ask(request)
                elif client.answer is not WAITS:
                    selector.unregister(client.socket)
                    client.close()
    return answered


def count(clients, answer):
    return sum(client.answer == answer for client in clients)


def ask_each(clients, seconds=ASK_SECONDS):
    """How many of them are answered 200 within that time."""
    for client in clients:
        client.ask()
    gather(clients, lambda: count(clients, WAITS) == 0, seconds)
    return count(clients, 200)


def ask_anew(address, times, seconds=ASK_SECONDS):
    """How many of `times` new connections are answered 200."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(Client(address))) for _ in range(times)]
        return ask_each(clients, seconds)
