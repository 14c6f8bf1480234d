#include "servers/conformance_cases.h"

#include <string_view>

#include "base/limits.h"
#include "servers/test_client.h"

namespace crossover {
namespace {

using Cases = std::vector<ConformanceCase>;
using End = ConformanceCase::End;
using What = ConformanceStep::What;

constexpr std::string_view kBinary = "application/octet-stream";
constexpr std::string_view kUnacceptable = "The request is not acceptable HTTP.\n";
constexpr std::string_view kTooLarge = "The header is too large.\n";
constexpr std::string_view kCut = "The request ended before it was complete.\n";
constexpr std::string_view kNoPath = "There is nothing at this path.\n";
constexpr std::string_view kNoMethod = "This path takes another method.\n";
const std::string kRoot = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string kHello = Ok("Hello, C++");

ConformanceStep Sends(std::string bytes) { return {What::kClient, std::move(bytes)}; }
ConformanceStep Says(std::string bytes) { return {What::kServer, std::move(bytes)}; }

// A request with a Host and `more` header lines.
std::string RequestFor(std::string_view line, std::string_view more = "",
                       std::string_view body = "") {
  std::string request(line);
  return request.append(" HTTP/1.1\r\nHost: x\r\n").append(more).append("\r\n").append(body);
}
std::string Echo(std::string_view more, std::string_view body) {
  return RequestFor("POST /echo", more, body);
}
std::string Sized(std::string_view body) {
  return Echo("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}
std::string Chunked(std::string_view body) { return Echo("Transfer-Encoding: chunked\r\n", body); }

std::string Answer(std::string_view first_line, std::string_view body,
                   std::string_view type = "text/plain", std::string_view before_length = "",
                   std::string_view after_length = "") {
  std::string answer(first_line);
  answer.append("\r\nDate: *****************************\r\nServer: crossover\r\nContent-Type: ");
  answer.append(type).append("\r\n").append(before_length).append("Content-Length: ");
  answer.append(std::to_string(body.size())).append("\r\n").append(after_length).append("\r\n");
  return answer.append(body);
}
std::string HeaderOf(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n\r\n") + 4);
}
std::string Closing(std::string_view status, std::string_view body) {
  return Answer("HTTP/1.1 " + std::string(status), body, "text/plain", "", "Connection: close\r\n");
}

// The bodies of /bytes/{n}.
std::string Bytes(size_t n) {
  std::string bytes;
  while (bytes.size() < n) {
    bytes += "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
  }
  bytes.resize(n);
  return bytes;
}
std::string Repeat(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// `input`, sent at once, is answered with `output`.
ConformanceCase Talk(std::string name, std::string input, std::string output,
                     End end = End::kOpen) {
  return {std::move(name), {Sends(std::move(input)), Says(std::move(output))}, end};
}
ConformanceCase Refuse(std::string name, std::string input, std::string_view status,
                       std::string_view body = kUnacceptable) {
  return Talk(std::move(name), std::move(input), Closing(status, body), End::kClosed);
}

Cases Requests() {
  const std::string mixed = kRoot + RequestFor("HEAD /bytes/77") + Sized("abc") +
                            RequestFor("GET /bytes/5?q=1") + RequestFor("GET /wait/1") + kRoot;
  const std::string mixed_answers = kHello + HeaderOf(Ok(Bytes(77), kBinary)) + Ok("abc", kBinary) +
                                    Ok("01234", kBinary) + kHello + kHello;
  return {
      Talk("one request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nDate: *****************************\r\nServer: crossover\r\n"
           "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nHello, C++"),
      {"one after the other", {Sends(kRoot), Says(kHello), Sends(kRoot), Says(kHello)}},
      Talk("two pipelined", kRoot + kRoot, kHello + kHello),
      Talk("a hundred pipelined", Repeat(kRoot, 100), Repeat(kHello, 100)),
      Talk("mixed methods pipelined", mixed, mixed_answers),
      Talk("a hundred mixed pipelined", Repeat(mixed, 17), Repeat(mixed_answers, 17)),
      Talk("empty lines before a request", "\r\n\r\n" + kRoot + "\r\n" + kRoot, kHello + kHello),
      {"one and a half, then the rest",
       {Sends(kRoot + "GET / HTTP/1.1\r\nHo"), Says(kHello), Sends("st: x\r\n\r\n"), Says(kHello)}},
      Talk("HEAD", RequestFor("HEAD /"), HeaderOf(kHello)),
      Talk("absolute form", RequestFor("GET http://x/bytes/3"), Ok("012", kBinary)),
      Talk("absolute form without a path", RequestFor("GET http://x"), kHello),
      Talk("a query", RequestFor("GET /?a=/b"), kHello),
      Talk("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", kHello),
      Talk("a folded field", RequestFor("GET /", "A: b\r\n c\r\n"), kHello),
      Talk("the largest header",
           RequestFor("GET /", "A: " + std::string(limits::kHeaderBytesMax - 32, 'a') + "\r\n"),
           kHello),
      Talk("an unknown path", RequestFor("GET /nowhere"),
           Answer("HTTP/1.1 404 Not Found", kNoPath)),
      Talk("HEAD of an unknown path", RequestFor("HEAD /nowhere"),
           HeaderOf(Answer("HTTP/1.1 404 Not Found", kNoPath))),
      Talk("another method", RequestFor("DELETE /"),
           Answer("HTTP/1.1 405 Method Not Allowed", kNoMethod, "text/plain",
                  "Allow: GET, HEAD\r\n")),
      Talk("GET of the echo", RequestFor("GET /echo"),
           Answer("HTTP/1.1 405 Method Not Allowed", kNoMethod, "text/plain", "Allow: POST\r\n")),
      Talk("no number", RequestFor("GET /bytes/x"),
           Answer("HTTP/1.1 400 Bad Request", "The number in the path is not usable.\n")),
      Talk("a large answer", RequestFor("GET /bytes/1000000") + kRoot,
           Ok(Bytes(1'000'000), kBinary) + kHello),
  };
}

Cases Bodies() {
  const std::string large(limits::kBodyBytesMax, 'b');
  return {
      Talk("a sized body", Sized("abcde"), Ok("abcde", kBinary)),
      Talk("an empty body", Sized(""), Ok("", kBinary)),
      Talk("POST without a body", RequestFor("POST /echo"), Ok("", kBinary)),
      Talk("the same length twice", Echo("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"),
           Ok("ab", kBinary)),
      Talk("a body of GET is passed over",
           RequestFor("GET /", "Content-Length: 3\r\n", "abc") + kRoot, kHello + kHello),
      Talk("the largest body", Sized(large), Ok(large, kBinary)),
      Talk("chunks", Chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), Ok("abcde", kBinary)),
      Talk("chunks, with leading zeros and capitals",
           Echo("transfer-encoding: Chunked\r\n", "00A\r\n0123456789\r\n000\r\n\r\n"),
           Ok("0123456789", kBinary)),
      Talk("chunk extensions", Chunked("3;a\r\nabc\r\n2;a=b;c=\"d e\"\r\nde\r\n0;last\r\n\r\n"),
           Ok("abcde", kBinary)),
      Talk("a trailer", Chunked("1\r\na\r\n0\r\nX: y\r\nZ: z\r\n\r\n") + kRoot,
           Ok("a", kBinary) + kHello),
      Talk("no chunks", Chunked("0\r\n\r\n") + kRoot, Ok("", kBinary) + kHello),
      Talk("the largest body, in chunks",
           Chunked("80000\r\n" + large.substr(0, 0x80000) + "\r\n80000\r\n" +
                   large.substr(0, 0x80000) + "\r\n0\r\n\r\n"),
           Ok(large, kBinary)),
      {"an expectation met",
       {Sends(Echo("Content-Length: 2\r\nExpect: 100-continue\r\n", "")),
        Says("HTTP/1.1 100 Continue\r\n\r\n"), Sends("ok"), Says(Ok("ok", kBinary))}},
      {"an expectation met, in chunks",
       {Sends(Echo("Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n", "")),
        Says("HTTP/1.1 100 Continue\r\n\r\n"), Sends("2\r\nok\r\n0\r\n\r\n"),
        Says(Ok("ok", kBinary))}},
      Talk("an expectation, and the body at once",
           Echo("Content-Length: 2\r\nExpect: 100-continue\r\n", "ok"),
           "HTTP/1.1 100 Continue\r\n\r\n" + Ok("ok", kBinary)),
      Talk("an expectation without a body", RequestFor("GET /", "Expect: 100-continue\r\n"),
           kHello),
  };
}

Cases Persistence() {
  const std::string closing = Closing("200 OK", "Hello, C++");
  return {
      Talk("Connection: close", RequestFor("GET /", "Connection: close\r\n"), closing,
           End::kClosed),
      Talk("Connection: close, the last of a pipeline",
           kRoot + RequestFor("GET /", "Connection: foo, Close\r\n"), kHello + closing,
           End::kClosed),
      Talk("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", Answer("HTTP/1.0 200 OK", "Hello, C++"),
           End::kClosed),
      Talk("HTTP/1.0, keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
           Answer("HTTP/1.0 200 OK", "Hello, C++", "text/plain", "", "Connection: keep-alive\r\n")),
      {"half-closed without a request", {{What::kHalfClose}}, End::kClosed},
      {"half-closed after a request",
       {Sends(kRoot), {What::kHalfClose}, Says(kHello)},
       End::kClosed},
      {"half-closed after two requests",
       {Sends(kRoot + kRoot), {What::kHalfClose}, Says(kHello + kHello)},
       End::kClosed},
      {"half-closed while the handler waits",
       {Sends(RequestFor("GET /wait/2000") + kRoot), {What::kHalfClose}, Says(kHello + kHello)},
       End::kClosed},
      {"half-closed before a large answer",
       {Sends(RequestFor("GET /bytes/1000000")),
        {What::kHalfClose},
        Says(Ok(Bytes(1'000'000), kBinary))},
       End::kClosed},
      {"half-closed within a request",
       {Sends("GET / HTTP/1.1\r\nHo"), {What::kHalfClose}, Says(Closing("400 Bad Request", kCut))},
       End::kClosed},
      {"half-closed within a body",
       {Sends(Echo("Content-Length: 3\r\n", "ab")),
        {What::kHalfClose},
        Says(Closing("400 Bad Request", kCut))},
       End::kClosed},
      {"closed within a request", {Sends("GET / HTTP/1.1\r\nHo"), {What::kClose}}, End::kGone},
      {"closed within an answer",
       {Sends(RequestFor("GET /bytes/16000000")), {What::kSome}, {What::kClose}},
       End::kGone},
      {"reset without a request", {{What::kReset}}, End::kGone},
      {"reset within a request", {Sends("GET / HTTP/1.1\r\nHo"), {What::kReset}}, End::kGone},
      {"reset within a body",
       {Sends(Echo("Content-Length: 2000\r\nExpect: 100-continue\r\n", "")),
        {What::kSome},
        Sends("ab"),
        {What::kReset}},
       End::kGone},
      {"reset while the handler waits",
       {Sends(RequestFor("GET /wait/2000")), {What::kReset}},
       End::kGone},
      {"reset within an answer",
       {Sends(RequestFor("GET /bytes/16000000")), {What::kSome}, {What::kReset}},
       End::kGone},
      {"reset within a pipeline",
       {Sends(Repeat(kRoot, 100)), {What::kSome}, {What::kReset}},
       End::kGone},
  };
}

Cases RefusedHeaders() {
  const std::string_view k400 = "400 Bad Request";
  const std::string_view k431 = "431 Request Header Fields Too Large";
  const std::string_view k505 = "505 HTTP Version Not Supported";
  const std::string long_text(limits::kHeaderBytesMax, 'a');
  return {
      Refuse("no HTTP", "\x16\x03\x01 nonsense\r\n\r\n", k400),
      Refuse("a request line alone", "GET /\r\n", k400),
      Refuse("a request line of words", "GET / and more HTTP/1.1\r\n\r\n", k400),
      Refuse("half a version", "GET / HTTP\r\nHost: x\r\n\r\n", k400),
      Refuse("no such protocol", "GET / HTTQ/1.1\r\nHost: x\r\n\r\n", k400),
      Refuse("lines without returns", "GET / HTTP/1.1\nHost: x\n\n", k400),
      Refuse("no field", RequestFor("GET /", "no field\r\n"), k400),
      Refuse("no field, and no end of the header", "GET / HTTP/1.1\r\nno field\r\nA", k400),
      Refuse("a space before the colon", RequestFor("GET /", "A : b\r\n"), k400),
      Refuse("a field without a name", RequestFor("GET /", ": b\r\n"), k400),
      Refuse("a control character", RequestFor("GET /", "A: b\x01\r\n"), k400),
      Refuse("no Host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", k400),
      Refuse("two Hosts", RequestFor("GET /", "Host: x\r\n"), k400),
      Refuse("no usable Host", "GET / HTTP/1.1\r\nHost: x/y z\r\n\r\n", k400),
      Talk("HEAD without a Host", "HEAD / HTTP/1.1\r\n\r\n", HeaderOf(Closing(k400, kUnacceptable)),
           End::kClosed),
      Refuse("HTTP/2.0", RequestFor("GET /").replace(6, 8, "HTTP/2.0"), k505),
      Refuse("HTTP/1.2, the line alone", "GET / HTTP/1.2\r\n", k505),
      Refuse("a method that nobody knows", RequestFor("BREW /"), "501 Not Implemented"),
      Refuse("a field beyond the limit", RequestFor("GET /", "A: " + long_text + "\r\n"), k431,
             kTooLarge),
      Refuse("a field without an end", "GET / HTTP/1.1\r\nA: " + long_text, k431, kTooLarge),
      Refuse("one byte beyond the limit",
             RequestFor("GET /", "A: " + std::string(limits::kHeaderBytesMax - 31, 'a') + "\r\n"),
             k431, kTooLarge),
      Refuse("fields beyond the limit", RequestFor("GET /", Repeat("A: b\r\n", 1400)), k431,
             kTooLarge),
      Refuse("a target beyond the limit", RequestFor("GET /" + long_text), k431, kTooLarge),
      Refuse("another expectation", RequestFor("GET /", "Expect: miracles\r\n"),
             "417 Expectation Failed", "Only 100-continue can be expected.\n"),
      Talk("good ones before a bad one", kRoot + RequestFor("HEAD /") + "nonsense\r\n\r\n" + kRoot,
           kHello + HeaderOf(kHello) + Closing(k400, kUnacceptable), End::kClosed),
  };
}

Cases RefusedBodies() {
  const std::string_view k400 = "400 Bad Request";
  const std::string_view k413 = "413 Payload Too Large";
  const std::string_view k431 = "431 Request Header Fields Too Large";
  const std::string_view k501 = "501 Not Implemented";
  const std::string long_text(limits::kHeaderBytesMax, 'a');
  return {
      Refuse("no length", Echo("Content-Length: two\r\n", ""), k400),
      Refuse("a length below nothing", Echo("Content-Length: -1\r\n", ""), k400),
      Refuse("two lengths", Echo("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), k400),
      Refuse("two lengths in one field", Echo("Content-Length: 1, 2\r\n", "ab"), k400),
      Refuse("a length, then chunks",
             Echo("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), k400),
      Refuse("chunks, then a length",
             Echo("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), k400),
      Refuse("another coding", Echo("Transfer-Encoding: gzip\r\n", "ab"), k501),
      Refuse("two codings", Echo("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), k501),
      Refuse("two codings in two fields",
             Echo("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), k501),
      Refuse("a coding in HTTP/1.0",
             "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", k400),
      Refuse("no size of a chunk", Chunked("zz\r\n"), k400),
      Refuse("a size of a chunk beyond numbers", Chunked("11111111111111111\r\n"), k400),
      Refuse("a chunk longer than its size", Chunked("1\r\nabc\r\n"), k400),
      Refuse("no extension", Chunked("1 a\r\na\r\n"), k400),
      Refuse("no trailer", Chunked("0\r\nno field\r\n\r\n"), k400),
      Refuse("an extension without an end", Chunked("1;" + long_text), k431, kTooLarge),
      Refuse("an extension beyond the limit", Chunked("1;" + long_text + "\r\na\r\n0\r\n\r\n"),
             k431, kTooLarge),
      Refuse("a trailer beyond the limit", Chunked("0\r\nA: " + long_text + "\r\n\r\n"), k431,
             kTooLarge),
      Refuse("a body beyond the limit", Echo("Content-Length: 1048577\r\n", "a"), k413),
      Refuse("a body beyond the limit, and an expectation",
             Echo("Content-Length: 1048577\r\nExpect: 100-continue\r\n", ""), k413),
      Refuse("a chunk beyond the limit", Chunked("100001\r\n"), k413),
      Refuse("chunks beyond the limit", Chunked("1\r\na\r\n100000\r\n"), k413),
  };
}

}  // namespace

const std::vector<ConformanceCase>& ConformanceCases() {
  static const std::vector<ConformanceCase> cases = [] {
    std::vector<ConformanceCase> all;
    for (const Cases& group :
         {Requests(), Bodies(), Persistence(), RefusedHeaders(), RefusedBodies()}) {
      all.insert(all.end(), group.begin(), group.end());
    }
    return all;
  }();
  return cases;
}

}  // namespace crossover
