// What makes a request unacceptable. Included where Boost.Beast is known: in http_session.cc.
#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <string_view>

namespace crossover {

// What Beast objects to in a request that begins with `bytes`, as a status.
unsigned StatusOf(const boost::system::error_code& error, std::string_view bytes);

// What is wrong with a header that parses, as a status; 0 if nothing is.
unsigned RefusedBy(const boost::beast::http::request<boost::beast::http::string_body>& request);

}  // namespace crossover
