"""Servers that others wrote, each as a program that serves crossover-server's path / and ends with its block."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from server_process import Program, dying_with_parent

HERE = Path(__file__).resolve().parent
GO_PROGRAMS = ("nethttp", "fasthttp")
GO_PATH = "/usr/share/gocode"  # where Debian has the sources of Go's libraries
START_SECONDS = 10
END_SECONDS = 10
# nginx closes idle connections once fewer than a sixteenth of worker_connections are free.
NGINX_ROOM = 9 / 8
NGINX_CONNECTIONS_MIN = 512

# One worker, since there is one CPU; nothing written to disk; nothing closed for its age. What is
# not said is nginx's default.
NGINX = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {address}:{port} backlog=65535;
    location / {{ return 200 "Hello, C++"; }}
  }}
}}
"""


class Unavailable(Exception):
    """The server can't be had here; says why."""


def build_go(name, build):
    """The program of that name, built; from Debian's packages, with nothing fetched."""
    if not shutil.which("go"):
        raise Unavailable("there is no go; `make peers` installs golang-go")
    program = build / "peers" / name
    program.parent.mkdir(exist_ok=True)
    environment = dict(os.environ, GO111MODULE="off", GOPATH=GO_PATH, GOCACHE=str(build / "peers" / "cache"))
    result = subprocess.run(["go", "build", "-o", program, HERE / "peers" / name / "main.go"], env=environment,
                            capture_output=True, text=True, check=False)
    if result.returncode:
        raise Unavailable(f"go build {name}: {result.stderr.strip()}")
    return program


@contextlib.contextmanager
def serve_go(program, address, prepare):
    """Yields its pid and port."""
    with Program([program, f"{address}:0"], prepare=prepare) as server:
        yield server.process.pid, server.event("ready")["port"]


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def await_port(process, address, port):
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{process.args[0]} does not listen on {address}:{port}: {error}") from None
            time.sleep(0.02)


@contextlib.contextmanager
def serve_command(command, address, port, prepare):
    """For what says nothing when it listens. Ended by SIGTERM, so that it can end its own children."""
    try:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL,
                                   preexec_fn=dying_with_parent(prepare, signal.SIGTERM))
    except OSError as error:
        raise RuntimeError(f"can't start {command[0]}: {error.strerror}") from None
    try:
        await_port(process, address, port)
        yield process.pid, port
    finally:
        process.terminate()
        try:
            process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def serve_nginx(program, address, connections, prepare):
    port = free_port(address)
    with tempfile.TemporaryDirectory(prefix="crossover-nginx-") as folder:
        Path(folder).chmod(0o755)
        config = Path(folder) / "nginx.conf"
        user = "root" if os.geteuid() == 0 else "nobody"  # which nginx ignores unless it is root
        config.write_text(NGINX.format(folder=folder, address=address, port=port, user=user,
                                       connections=max(NGINX_CONNECTIONS_MIN, int(connections * NGINX_ROOM))), "ascii")
        with serve_command([program, "-c", config, "-p", folder], address, port, prepare) as running:
            yield running


def find_nginx():
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        raise Unavailable("there is no nginx; `make peers` installs it")
    return program
