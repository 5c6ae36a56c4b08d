// SPDX-License-Identifier: Apache-2.0
// Somebody who changes a table at a certain moment of our transactions.
#pragma once

#include <string>

#include "support/database.hpp"

namespace pgcaretaker::test {

/// From construction on, once a transaction, a superuser runs `sql` right behind a statement of DDL
/// (any session's in this database) after which `when` holds, of pg_class `c`; tg_tag is the kind
/// of statement.
class Meddler {
 public:
  Meddler(Admin& admin, const std::string& when, const std::string& sql) : admin_{admin} {
    admin_.execute(
        "CREATE FUNCTION public.meddle() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER "
        "AS $meddle$ BEGIN "
        "IF coalesce(current_setting('test.has_meddled', true), '') = '' "
        "AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE " +
        when + ") THEN PERFORM set_config('test.has_meddled', 'yes', true); " + sql +
        "; END IF; END $meddle$;"
        "CREATE EVENT TRIGGER meddler ON ddl_command_end EXECUTE FUNCTION public.meddle()");
  }
  ~Meddler() { admin_.execute("DROP EVENT TRIGGER meddler; DROP FUNCTION public.meddle()"); }
  Meddler(const Meddler&) = delete;

 private:
  Admin& admin_;
};

}  // namespace pgcaretaker::test
