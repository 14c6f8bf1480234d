#include "loadgen/ledger.h"

namespace crossover {

void Ledger::Merge(const Ledger& other) {
  RequestLedger& to = requests;
  const RequestLedger& from = other.requests;
  to.scheduled += from.scheduled;
  to.verified += from.verified;
  to.wrong_status += from.wrong_status;
  to.wrong_body += from.wrong_body;
  to.malformed += from.malformed;
  to.truncated += from.truncated;
  to.reset += from.reset;
  to.timed_out += from.timed_out;
  to.in_flight_at_end += from.in_flight_at_end;
  to.shed += from.shed;
  to.unsent += from.unsent;
  to.verified_in_window += from.verified_in_window;

  connections.asked += other.connections.asked;
  connections.established += other.connections.established;
  connections.refused += other.connections.refused;
  connections.timed_out += other.connections.timed_out;
  connections.reset += other.connections.reset;
  connections.no_port += other.connections.no_port;
  connections.other += other.connections.other;
  connections.lost += other.connections.lost;
}

bool Ledger::Closes() const {
  return requests.scheduled == requests.outcomes() &&
         requests.verified_in_window <= requests.verified &&
         connections.asked == connections.established + connections.not_established() &&
         connections.lost <= connections.established;
}

}  // namespace crossover
