// SPDX-License-Identifier: Apache-2.0
// What each expected refusal comes to, and that unexpected ones stay errors.
#include "partition/refusal.hpp"

#include "audit_table.hpp"
#include "partition/chain.hpp"
#include "partition/create_steps.hpp"
#include "partition/look.hpp"
#include "partition/urgency.hpp"

using namespace pgcaretaker;
using namespace pgcaretaker::partition;
using task::Applied;
using task::Severity;
using test::contains;
using test::range;

namespace {

config::Partition settings_with_functions() {
  config::Partition settings = test::audit_events_for_a_year();
  settings.create_function = {"public", "ensure"};
  settings.drop_function = {"public", "drop_it"};
  return settings;
}

task::Step creation(const config::Partition& settings) {
  const StepContext context{settings, 1000, KeyType::timestamptz, std::nullopt};
  return create_step(context, {{{"public", "p"}, range("2026-12-01", "2027-01-01")}}, "");
}

task::Step creation(const config::Partition& settings, Urgency urgency) {
  task::Step step = creation(settings);
  set_urgency(step, settings, urgency);
  return step;
}

task::Step removal(const config::Partition& settings) {
  const StepContext context{settings, 1000, KeyType::timestamptz, std::nullopt};
  return chain_steps(context, Retiree{}, std::nullopt, {Arrow::detach}).front();
}

pg::Error refused(const char* sqlstate, std::string_view statement_name) {
  return {pg::Error::Kind::refused, "the server's words", sqlstate, std::string{statement_name}};
}

}  // namespace

TEST_CASE("refusals of a step become outcomes with the right finding") {
  struct Case {
    bool create;
    const char* sqlstate;
    std::string_view statement_name;
    const char* code;  // "" = no finding, outcome nothing; null = an error
    Severity severity;
  };
  const Case cases[] = {
      {true, "55P03", statement::attach, nullptr, Severity::info},
      {false, "55P03", statement::lock, nullptr, Severity::info},
      {false, "55P03", statement::drop_function, nullptr, Severity::info},
      {false, "55P03", statement::hold, nullptr, Severity::info},
      {true, "40P01", statement::attach, nullptr, Severity::info},
      {true, "23514", statement::attach, "default_blocks", Severity::critical},
      {true, "23514", statement::create_function, "default_blocks", Severity::critical},
      {true, "42P07", statement::create, "changed_meanwhile", Severity::info},
      {true, "23505", statement::create, "changed_meanwhile", Severity::info},
      {true, "42P17", statement::attach, "changed_meanwhile", Severity::info},
      {true, "42809", statement::attach, "changed_meanwhile", Severity::info},
      {true, "23505", statement::create_function, nullptr, Severity::info},
      {true, "42501", statement::create, nullptr, Severity::info},
      {true, "42P01", statement::create, nullptr, Severity::info},
      {true, "P0001", statement::create_function, nullptr, Severity::info},
      {false, "42P01", statement::lock, "", Severity::info},
      {false, "42P01", statement::drop_function, nullptr, Severity::info},
      {false, "42883", statement::drop_function, nullptr, Severity::info},
      {false, "23514", statement::detach, nullptr, Severity::info},
      {false, "2BP01", statement::drop, nullptr, Severity::info},
      {false, "22012", statement::hold, "hold_query_failed", Severity::critical},
      {false, "42P01", statement::hold, "hold_query_failed", Severity::critical},
      {false, "57014", statement::hold, "hold_query_failed", Severity::critical},
      {true, "57014", statement::attach, "default_too_large", Severity::critical},
      {false, "57P01", statement::hold, nullptr, Severity::info},
      {false, "", statement::lock, nullptr, Severity::info},
  };
  const config::Partition settings = settings_with_functions();
  for (const Case& c : cases) {
    CAPTURE(std::string{c.sqlstate});
    CAPTURE(std::string{c.statement_name});
    const task::Step step = c.create ? creation(settings) : removal(settings);
    const auto applied = after_refusal(settings, step, refused(c.sqlstate, c.statement_name));
    REQUIRE(applied.has_value() == (c.code != nullptr));
    if (!applied) continue;
    if (std::string_view{c.code}.empty()) {
      CHECK(applied->kind == Applied::Kind::nothing);
      CHECK(applied->findings.empty());
      continue;
    }
    CHECK(applied->kind == Applied::Kind::yielded);
    REQUIRE(applied->findings.size() == 1);
    CHECK(applied->findings[0].code == c.code);
    CHECK(applied->findings[0].severity == c.severity);
  }
}

TEST_CASE("a connection that broke is an error at every statement") {
  const config::Partition settings = settings_with_functions();
  const pg::Error lost{pg::Error::Kind::connection, "gone", "", std::string{statement::hold}};
  CHECK_FALSE(after_refusal(settings, removal(settings), lost).has_value());
}

TEST_CASE("a lock that was not granted says what it waited for, how long, and for whom") {
  config::Partition settings = test::audit_events();
  const pg::Holder holder{42,     "",       "public.audit_events_default", "bi",
                          "psql", "active", std::chrono::seconds{200},     "SELECT"};
  const Applied applied =
      lock_not_granted(creation(settings, Urgency::pressed), {1, 0, true, false, {holder}});
  CHECK(applied.kind == Applied::Kind::yielded);
  REQUIRE(applied.findings.size() == 1);
  CHECK(applied.findings[0].code == "lock_timeout");
  CHECK(
      applied.findings[0].text ==
      "create not done: its lock (SHARE UPDATE EXCLUSIVE on public.audit_events) was asked for, up "
      "to 50ms, in vain after 10m of looking for a moment without anyone in the way; in the way "
      "when last looked for: pid 42 (user bi, application psql) holds "
      "public.audit_events_default, active, its transaction is 3m 20s old, query: SELECT; the "
      "next pass tries again");
  settings.patience = Duration{0};
  CHECK(
      lock_not_granted(creation(settings, Urgency::pressed), {}).findings[0].text ==
      "create not done: its lock (SHARE UPDATE EXCLUSIVE on public.audit_events) was asked for, up "
      "to 50ms, in vain; in the way when last looked for: somebody who was gone when looked for; "
      "the next pass tries again");
}

TEST_CASE("the more urgent, the graver a lock that was not granted") {
  const config::Partition settings = test::audit_events();
  const auto found = [&](Urgency urgency) {
    return lock_not_granted(creation(settings, urgency), {}).findings.at(0);
  };
  CHECK(found(Urgency::relaxed).severity == Severity::info);
  CHECK(contains(found(Urgency::relaxed).text,
                 "was not asked for after 10m of looking for a moment without anyone in the way, "
                 "since there is time"));
  CHECK(lock_not_granted(creation(settings, Urgency::relaxed), {}).can_wait);
  CHECK_FALSE(lock_not_granted(creation(settings, Urgency::forced), {}).can_wait);
  CHECK(found(Urgency::pressed).severity == Severity::warning);
  CHECK(found(Urgency::forced).severity == Severity::critical);
  CHECK(contains(found(Urgency::forced).text, "was asked for, up to 30s, in vain after 10m"));
}

TEST_CASE("what was waited for in vain is remembered, and not waited for again") {
  const Applied forced = lock_not_granted(creation(test::audit_events(), Urgency::forced), {});
  CHECK(forced.waited_in_vain == std::chrono::seconds{30});
  const Applied pressed = lock_not_granted(creation(test::audit_events(), Urgency::pressed), {});
  CHECK(pressed.waited_in_vain == Duration{0});
  pg::LockSpent spent;
  spent.was_spared = true;
  const Applied spared = lock_not_granted(creation(test::audit_events(), Urgency::forced), spent);
  CHECK(spared.waited_in_vain == Duration{0});
  CHECK(contains(spared.findings.at(0).text,
                 "is not asked for again while somebody is there for whom it was asked for up to "
                 "30s in vain"));
}

TEST_CASE("a default too large to be read under a lock is met once a pass, and not again soon") {
  const config::Partition settings = test::audit_events();
  const pg::Error slow{pg::Error::Kind::refused, "canceling statement due to statement timeout",
                       "57014", std::string{statement::attach}};
  const auto applied = after_refusal(settings, creation(settings), slow);
  REQUIRE(applied.has_value());
  CHECK(applied->findings.at(0).code == "default_too_large");
  CHECK(applied->stops_action);
  CHECK(applied->can_wait);
}

TEST_CASE("a stop while it waits is nobody's fault") {
  const config::Partition settings = test::audit_events();
  const Applied applied =
      lock_not_granted(creation(settings, Urgency::forced), {0, 1, true, true, {}});
  REQUIRE(applied.findings.size() == 1);
  CHECK(applied.findings[0].severity == Severity::info);
  CHECK(applied.findings[0].text ==
        "create not done: stopped while it waited for its lock (SHARE UPDATE EXCLUSIVE on "
        "public.audit_events)");
}

TEST_CASE("a failed check says which promise was broken") {
  struct Case {
    std::string_view statement_name;
    const char* code;
    Severity severity;
  };
  const Case cases[] = {
      {statement::guard, "changed_meanwhile", Severity::info},
      {statement::hold, "held", Severity::info},
      {statement::verify_created, "function_without_effect", Severity::critical},
      {statement::verify_dropped, "function_without_effect", Severity::critical},
  };
  const config::Partition settings = settings_with_functions();
  for (const Case& c : cases) {
    CAPTURE(std::string{c.statement_name});
    const Applied applied =
        after_failed_check(settings, creation(settings), {std::string{c.statement_name}});
    CHECK(applied.kind == Applied::Kind::yielded);
    REQUIRE(applied.findings.size() == 1);
    CHECK(applied.findings[0].code == c.code);
    CHECK(applied.findings[0].severity == c.severity);
  }
  const Applied created =
      after_failed_check(settings, creation(settings), {std::string{statement::verify_created}});
  CHECK(contains(created.findings[0].text,
                 "public.ensure returned, but no partition FROM ('2026-12"));
}

TEST_CASE("an answer of retention_query must be a whole number of days") {
  CHECK(read_days(std::nullopt).error.empty());
  CHECK_FALSE(read_days(std::nullopt).days.has_value());
  CHECK(read_days("90").days == 90);
  CHECK(read_days("-3").days == -3);
  for (const char* text : {"", "90 days", "30.5", "99999999999999999999", "P90D"}) {
    CAPTURE(text);
    CHECK_FALSE(read_days(text).error.empty());
    CHECK_FALSE(read_days(text).days.has_value());
  }
}
