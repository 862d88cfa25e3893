"""Requests that are broken as HTTP, or no request for this server, byte by byte.

Every one holds the canary, where it can hold anything, so that an answer repeating it is found.
"""

from __future__ import annotations

from tests.contracts.servers import PLAN_BODY, write_request

CANARY = b"WHISPER"
HOST = b"Host: localhost\r\n"
LIVE = b"GET /v2/health/live HTTP/1.1\r\n"
POST = b"POST /v1/allocate HTTP/1.1\r\n" + HOST
JSON = b"Content-Type: application/json\r\n"
CHUNKED = POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    """Write one piece of a body."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def post(path: str = "/v1/allocate", body: bytes = PLAN_BODY, **headers: str) -> bytes:
    """Write a request whose headers differ from good ones; underscores stand for hyphens."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return write_request("POST", path, body, fields)


# The parser cannot know where such a request ends: the answer, if any, closes the connection.
BROKEN = {
    "no request line": b"WHISPER\r\n\r\n",
    "bytes of no text": bytes(range(128, 256)) + b"\r\n\r\n",
    "zero bytes": b"\0" * 100 + b"\r\n\r\n",
    "handshake of tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03WHISPER",
    "greeting of ssh": b"SSH-2.0-WHISPER\r\n",
    "greeting of socks": b"\x05\x01\x00",
    "line of smtp": b"EHLO WHISPER\r\n",
    "command of redis": b"*1\r\n$4\r\nPING\r\n",
    "version 0.9": b"GET /WHISPER\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "version 2.0": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "version 3.0": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "version of words": b"GET / HTTP/WHISPER\r\n" + HOST + b"\r\n",
    "version in lower case": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "another protocol's version": b"DESCRIBE / RTSP/1.0\r\n" + HOST + b"\r\n",
    "preface of http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "method of none": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "method in lower case": b"get /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    "method nobody knows": b"WHISPER /v1/allocate HTTP/1.1\r\n" + HOST + b"\r\n",
    "method of symbols": b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "tunnel": b"CONNECT WHISPER:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "address of none": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "address without a slash": b"GET WHISPER HTTP/1.1\r\n" + HOST + b"\r\n",
    "address with a blank": b"GET /WHISPER x HTTP/1.1\r\n" + HOST + b"\r\n",
    "address with a zero byte": b"GET /WHI\0SPER HTTP/1.1\r\n" + HOST + b"\r\n",
    "address beyond ascii": b"GET /WHI\xffSPER HTTP/1.1\r\n" + HOST + b"\r\n",
    "address of a star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute address": b"GET http://localhost/v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute address elsewhere": b"GET http://WHISPER/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "long address": b"GET /" + CANARY * 1000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long query": LIVE.replace(b" HTTP", b"?" + CANARY * 1000 + b" HTTP") + HOST + b"\r\n",
    "bare line feeds": (LIVE + HOST + b"\r\n").replace(b"\r\n", b"\n"),
    "bare carriage returns": (LIVE + HOST + b"\r\n").replace(b"\r\n", b"\r"),
    "line feed behind a header": LIVE + b"Host: localhost\n\r\n",
    "header without a colon": LIVE + HOST + b"WHISPER\r\n\r\n",
    "header without a name": LIVE + HOST + b": WHISPER\r\n\r\n",
    "blank before a colon": LIVE + b"Host : localhost\r\n\r\n",
    "folded header": LIVE + HOST + b"X: a\r\n WHISPER\r\n\r\n",
    "header begun with a blank": LIVE + b" " + HOST + b"\r\n",
    "zero byte in a header": LIVE + HOST + b"X: WHI\0SPER\r\n\r\n",
    "zero byte in a header's name": LIVE + HOST + b"WHI\0SPER: x\r\n\r\n",
    "carriage return in a header": LIVE + HOST + b"X: WHI\rSPER\r\n\r\n",
    "control character in a name": LIVE + HOST + b"WHI\x01SPER: x\r\n\r\n",
    "letters beyond ascii in a name": LIVE + HOST + b"WHI\xffSPER: x\r\n\r\n",
    "long header": LIVE + HOST + b"X: " + CANARY * 3000 + b"\r\n\r\n",
    "long header's name": LIVE + HOST + CANARY * 3000 + b": x\r\n\r\n",
    "header without an end": LIVE + HOST + b"X: " + CANARY * 20_000,
    "many headers": LIVE + HOST + b"X: WHISPER\r\n" * 101 + b"\r\n",
    "blank lines without an end": b"\r\n" * 20_000,
    "length and chunks": post(Transfer_Encoding="chunked"),
    "chunks and length": POST + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "two lengths": POST + JSON + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + CANARY,
    "one length twice": POST + JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "list of lengths": POST + JSON + b"Content-Length: 2, 2\r\n\r\n{}",
    "negative length": POST + JSON + b"Content-Length: -1\r\n\r\n{}",
    "length with a sign": POST + JSON + b"Content-Length: +2\r\n\r\n{}",
    "length in hexadecimal": POST + JSON + b"Content-Length: 0x2\r\n\r\n{}",
    "length of words": POST + JSON + b"Content-Length: WHISPER\r\n\r\n{}",
    "length of nothing": POST + JSON + b"Content-Length: \r\n\r\n{}",
    "length past 64 bits": POST + JSON + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}",
    "coding nobody knows": POST + JSON + b"Transfer-Encoding: WHISPER\r\n\r\n{}",
    "coding behind chunks": POST + JSON + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "chunks twice": POST + JSON + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "coding with a tail": POST + JSON + b"Transfer-Encoding: chunkedWHISPER\r\n\r\n0\r\n\r\n",
    "chunk without a size": CHUNKED + b"\r\nWHISPER",
    "chunk of words": CHUNKED + b"WHISPER\r\n",
    "chunk of a negative size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunk past 64 bits": CHUNKED + b"F" * 20 + b"\r\n",
    "chunk longer than stated": CHUNKED + b"1\r\nWHISPER\r\n0\r\n\r\n",
    "chunk with bare line feeds": CHUNKED + b"2\n{}\n0\n\n",
    "chunk's extension without an end": CHUNKED + b"1;" + CANARY * 400_000,
    "trailers without an end": CHUNKED + b"2\r\n{}\r\n0\r\nX: " + CANARY * 20_000,
}

# These have an end; the connection may go on.
UNWELCOME = {
    "no host": LIVE + b"\r\n",
    "empty host": LIVE + b"Host:\r\n\r\n",
    "two hosts": LIVE + HOST + b"Host: WHISPER\r\n\r\n",
    "one host twice": LIVE + HOST + HOST + b"\r\n",
    "another host": LIVE + b"Host: WHISPER.example\r\n\r\n",
    "this host and more": LIVE + b"Host: localhost.WHISPER.example\r\n\r\n",
    "host with a user": LIVE + b"Host: WHISPER@localhost\r\n\r\n",
    "host with a path": LIVE + b"Host: localhost/WHISPER\r\n\r\n",
    "list of hosts": LIVE + b"Host: localhost, WHISPER\r\n\r\n",
    "port of words": LIVE + b"Host: localhost:WHISPER\r\n\r\n",
    "host beyond ascii": LIVE + b"Host: WHI\xffSPER\r\n\r\n",
    "host of the network": LIVE + b"Host: 192.168.1.5\r\n\r\n",
    "no host in version 1.0": b"GET /v2/health/live HTTP/1.0\r\n\r\n",
    "another host to plan": post(Host="WHISPER.example"),
    "unknown place": write_request("GET", "/WHISPER"),
    "place with a slash more": post("/v1/allocate/"),
    "place with two slashes": write_request("GET", "//v2/health/live"),
    "place in upper case": post("/V1/ALLOCATE"),
    "place with dots": write_request("GET", "/v1/../v2/health/live"),
    "place with coded dots": write_request("GET", "/v1/%2e%2e/v2/health/live"),
    "coded slash": write_request("GET", "/v2%2fhealth/live/WHISPER"),
    "coded zero byte": write_request("GET", "/v2/health/live%00WHISPER"),
    "coded line end": write_request("GET", "/v2/health/live%0d%0aX:%20WHISPER"),
    "codes of nothing": write_request("GET", "/v2/%zzWHISPER%"),
    "codes beyond utf8": write_request("GET", "/v2/%ff%feWHISPER"),
    "file of the system": write_request("GET", "/../../etc/passwd"),
    "page for browsers": write_request("GET", "/docs"),
    "plan by get": write_request("GET", "/v1/allocate"),
    "plan by head": b"HEAD /v1/allocate HTTP/1.1\r\n" + HOST + b"\r\n",
    "plan by put": write_request("PUT", "/v1/allocate", PLAN_BODY),
    "plan by patch": write_request("PATCH", "/v1/allocate", PLAN_BODY),
    "plan by delete": write_request("DELETE", "/v1/allocate"),
    "plan by trace": write_request("TRACE", "/v1/allocate"),
    "plan by propfind": write_request("PROPFIND", "/v1/allocate"),
    "question of another origin": write_request(
        "OPTIONS", "/v1/allocate", None, {"Access-Control-Request-Method": "POST", "Origin": "x"}
    ),
    "health by post": post("/v2/health/live"),
    "no media type": POST + b"Content-Length: 2\r\n\r\n{}",
    "empty media type": post(Content_Type=""),
    "media type of text": post(Content_Type="text/plain"),
    "media type of a form": post(Content_Type="application/x-www-form-urlencoded"),
    "media type of parts": post(Content_Type="multipart/form-data; boundary=WHISPER"),
    "media type with a tail": post(Content_Type="application/json+WHISPER"),
    "list of media types": post(Content_Type="application/json, text/plain"),
    "two media types": POST + JSON + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
    "two keys": LIVE + HOST + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "no body": POST + JSON + b"\r\n",
    "body of no bytes": post(body=b""),
    "compressed body": post(body=b"\x1f\x8b\x08\0WHISPER", Content_Encoding="gzip"),
    "body in no piece": CHUNKED + b"0\r\n\r\n",
    "long body": post(body=b" " * 262_145),
    "long body in pieces": CHUNKED + chunk(CANARY * 10_000) * 4 + b"0\r\n\r\n",
    "offer of websockets": (
        b"GET /v1/allocate HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\nWHISPER"
    ),
}  # fmt: skip
