#pragma once

// The library's headers. Its classes are its own: with our hidden visibility their type information
// would be looked for in our objects.
#pragma GCC visibility push(default)
#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rule_with_operator.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#pragma GCC visibility pop
