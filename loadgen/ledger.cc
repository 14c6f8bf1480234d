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
  to.due_in_window += from.due_in_window;
  to.due_and_shed += from.due_and_shed;
  to.due_and_unsent += from.due_and_unsent;

  connections.Merge(other.connections);
  reconnections.Merge(other.reconnections);
}

void ConnectionLedger::Merge(const ConnectionLedger& from) {
  asked += from.asked;
  established += from.established;
  refused += from.refused;
  timed_out += from.timed_out;
  reset += from.reset;
  no_port += from.no_port;
  other += from.other;
  lost += from.lost;
}

bool Ledger::Closes() const {
  return requests.scheduled == requests.outcomes() &&
         requests.verified_in_window <= requests.verified && connections.Closes() &&
         reconnections.Closes();
}

}  // namespace crossover
