"""The kernel's side of the netfilter oracle: network namespaces with no way out, frames put in, packets logged.

In: one JSON request a line on standard input. Out: one JSON answer a line. The process starts in a new network namespace,
the router's, and makes the others itself; they are held by its open files alone, so that all of them end with it.
Packets are seen where the observer's `log group 7` rules stand (nfnetlink_log), with their mark and devices.
"""

import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
spaces = {}
senders = {}
raw = {}
udp_servers = []
tcp_listeners = []
log_socket = None
wire_sockets = {}


def enter(name):
    if libc.setns(spaces[name], CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns " + name)


def add_namespace(name):
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    spaces[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter("router")
    return {"path": f"/proc/{os.getpid()}/fd/{spaces[name]}"}


def run_script(request):
    enter(request["in"])
    try:
        done = subprocess.run(["sh", "-c", request["script"]], capture_output=True, text=True, timeout=60, check=False)
    finally:
        enter("router")
    return {"exit": done.returncode, "out": done.stdout, "err": done.stderr}


def attribute(kind, data):
    size = 4 + len(data)
    return struct.pack("=HH", size, kind) + data + b"\0" * (-size % 4)


def configure(body, group):
    payload = struct.pack("=BBH", 0, 0, socket.htons(group)) + body
    header = struct.pack("=IHHII", 16 + len(payload), (4 << 8) | 1, 5, 1, 0)
    log_socket.send(header + payload)
    answer = log_socket.recv(4096)
    code = struct.unpack_from("=i", answer, 16)[0]
    if code != 0:
        raise OSError(-code, "nfnetlink_log")


def watch(request):
    global log_socket
    log_socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    log_socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
    log_socket.bind((0, 0))
    configure(attribute(1, struct.pack("=Bxxx", 1)), request["group"])
    configure(attribute(2, struct.pack("!IBx", 0xFFFF, 2)), request["group"])
    configure(attribute(5, struct.pack("!I", 1)), request["group"])
    log_socket.setblocking(False)
    for place, device in request.get("wires", []):
        enter(place)
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        wire.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        wire.bind((device, 3))
        wire.setblocking(False)
        wire_sockets[wire] = place
    enter("router")
    return {}


def parse_log(data, events):
    at = 0
    while at + 16 <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        if size < 16:
            return
        if kind == (4 << 8):
            events.append(parse_packet(data[at + 20 : at + size]))
        at += (size + 3) & ~3


NUMBERS = {2: "mark", 4: "in", 5: "out", 6: "physin", 7: "physout"}


def parse_packet(body):
    event = {}
    at = 0
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        value = body[at + 4 : at + size]
        kind &= 0x7FFF
        if kind in NUMBERS:
            event[NUMBERS[kind]] = struct.unpack("!I", value[:4])[0]
        elif kind == 9:
            event["hex"] = value[:200].hex()
        elif kind == 10:
            event["at"] = value.rstrip(b"\0").decode()
        at += max((size + 3) & ~3, 4)
    return event


def serve(request):
    for port in request["tcp"]:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        listener.listen(4096)
        listener.setblocking(False)
        tcp_listeners.append(listener)
    for port in request["udp"]:
        for family in (socket.AF_INET, socket.AF_INET6):
            server = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET:
                server.setsockopt(socket.IPPROTO_IP, 8, 1)
            else:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            server.bind(("", port))
            server.setblocking(False)
            udp_servers.append(server)
    return {}


def echo(server):
    while True:
        try:
            data, ancillary, _, peer = server.recvmsg(2048, 256)
        except (BlockingIOError, ConnectionError):
            return
        # Rules may lead an answer to a server again: two of them would answer each other for ever.
        if not data.startswith(b"Wf"):
            continue
        info = []
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IP and kind == 8:
                _, _, destination = struct.unpack("=I4s4s", value[:12])
                info = [(socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, destination, b"\0" * 4))]
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                info = [(level, kind, value[:16] + b"\0" * 4)]
        try:
            server.sendmsg([data.replace(b"Wf", b"Wr", 1)], info, 0, peer)
        except OSError:
            pass


def inject(packet):
    data = bytes.fromhex(packet["hex"])
    if packet["in"] != "router":
        key = (packet["in"], packet["dev"])
        if key not in senders:
            enter(packet["in"])
            senders[key] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            senders[key].bind((packet["dev"], 0))
            enter("router")
        senders[key].send(data)
        return None
    family = socket.AF_INET if data[0] >> 4 == 4 else socket.AF_INET6
    if family not in raw:
        raw[family] = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw[family].setblocking(False)
    sender = raw[family]
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, packet.get("mark", 0))
    try:
        sender.sendto(data, (packet["to"], 0))
    except OSError as problem:
        return problem.errno
    return None


def drain(events, quiet):
    """Reads until nothing has come for `quiet` seconds; a local server answers meanwhile."""
    poller = select.poll()
    for each in [log_socket, *udp_servers, *wire_sockets]:
        poller.register(each, select.POLLIN)
    servers = {server.fileno(): server for server in udp_servers}
    wires = {wire.fileno(): wire for wire in wire_sockets}
    until = time.monotonic() + 20
    while time.monotonic() < until:
        ready = poller.poll(quiet * 1000)
        if not ready:
            return
        for number, _ in ready:
            if number in servers:
                echo(servers[number])
            elif number in wires:
                read_wire(wires[number], events)
            else:
                read_log(events)


def read_log(events):
    while True:
        try:
            parse_log(log_socket.recv(1 << 20), events)
        except BlockingIOError:
            return
        except OSError as problem:
            events.append({"at": "overrun", "hex": "", "errno": problem.errno})


def read_wire(wire, events):
    while True:
        try:
            data, address = wire.recvfrom(4096)
        except BlockingIOError:
            return
        if address[2] != 4:
            events.append({"at": "wire", "place": wire_sockets[wire], "hex": data[14:214].hex()})


def send_batch(request):
    events = []
    errors = {}
    for number, packet in enumerate(request["packets"]):
        error = inject(packet)
        if error is not None:
            errors[number] = error
        if number % 8 == 7:
            drain(events, 0)
    drain(events, request["quietMs"] / 1000)
    for listener in tcp_listeners:
        try:
            while True:
                listener.accept()[0].close()
        except BlockingIOError:
            pass
    return {"events": events, "errors": errors}


ACTIONS = {
    "namespace": lambda request: add_namespace(request["name"]),
    "run": run_script,
    "watch": watch,
    "serve": serve,
    "send": send_batch,
}


def main():
    spaces["router"] = os.open("/proc/self/ns/net", os.O_RDONLY)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = ACTIONS[request["do"]](request)
        except OSError as problem:
            answer = {"problem": str(problem)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
