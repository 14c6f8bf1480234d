#include "loadgen/test_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "base/check.h"

namespace crossover {
namespace {

struct Client {
  Fd fd;
  std::string input;
};

// The length of the first request in `input`, 0 if it is not whole.
size_t RequestLength(const std::string& input) {
  const size_t head = input.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  size_t length = head + 4;
  const size_t field = input.find("Content-Length: ");
  if (field < head) length += std::strtoull(input.c_str() + field + 16, nullptr, 10);
  return input.size() >= length ? length : 0;
}

void SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the client is gone
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// Returns whether the connection goes on.
bool ServeClient(Client& client, const TestServer::Reply& reply, size_t& number) {
  char chunk[64 * 1024];
  const ssize_t n = recv(client.fd.get(), chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  client.input.append(chunk, static_cast<size_t>(n));
  while (const size_t length = RequestLength(client.input)) {
    const TestReply answer = reply(++number, client.input.substr(0, length));
    client.input.erase(0, length);
    SendAll(client.fd.get(), answer.bytes);
    if (answer.after == TestReply::After::kReset) {
      const linger now{1, 0};
      setsockopt(client.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    if (answer.after != TestReply::After::kKeep) return false;
  }
  return true;
}

}  // namespace

TestServer::TestServer(Reply reply)
    : reply_(std::move(reply)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  CHECK(bind(listener_.get(), generic, length) == 0);
  CHECK(listen(listener_.get(), 1024) == 0);
  CHECK(getsockname(listener_.get(), generic, &length) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread(&TestServer::Serve, this);
}

TestServer::~TestServer() {
  const uint64_t one = 1;
  CHECK(write(stop_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

void TestServer::Serve() {
  std::vector<Client> clients;
  size_t number = 0;
  while (true) {
    std::vector<pollfd> polled = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Client& client : clients) polled.push_back({client.fd.get(), POLLIN, 0});
    CHECK(poll(polled.data(), polled.size(), -1) > 0);
    if (polled[0].revents != 0) return;
    std::vector<Client> kept;
    for (size_t i = 0; i < clients.size(); ++i) {
      if (polled[i + 2].revents == 0 || ServeClient(clients[i], reply_, number)) {
        kept.push_back(std::move(clients[i]));
      }
    }
    clients = std::move(kept);
    if (polled[1].revents != 0) {
      Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (fd) clients.push_back({std::move(fd), ""});
    }
  }
}

std::string TestResponse(const std::string& body, const std::string& headers) {
  return "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Sun, 22 Nov 2026 22:00:00 GMT\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace crossover
