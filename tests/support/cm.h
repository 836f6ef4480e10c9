/* cm.h - cmocka with what it needs included before it. */
#ifndef TW_TEST_CM_H
#define TW_TEST_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
