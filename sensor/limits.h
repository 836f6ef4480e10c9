/* limits.h - every bound of the program, once. Those that a person may change are defaults of config.h `limits`. */
#ifndef TW_LIMITS_H
#define TW_LIMITS_H

#define TW_SECOND 1000000000ull /* nanoseconds */

/* Tables: reserved at start, touched only as they fill. */
#define LIMIT_FLOWS 1048576u          /* concurrent flows */
#define LIMIT_GROUPS 4194304u         /* rule x group states of the detectors */
#define LIMIT_SEGMENTS 65536u         /* TCP segments held out of order, 2 KiB each */
#define LIMIT_FRAGMENTS 1024u         /* IP datagrams in reassembly */
#define LIMIT_MEMOS 65536u            /* topics and requests that parsers remember */
#define LIMIT_HTTP_CONNECTIONS 16384u /* with a request or response at hand; libhtp takes some KiB for each */
#define LIMIT_NDPI_FLOWS 4096u        /* flows under nDPI's eye at once */

#define LIMIT_LOG_SESSIONS 262144u    /* clients that later lines of a log may speak of */

/* Wire and log as one: see fusion.h. */
#define LIMIT_FUSED 131072u           /* events of the last seconds by which twins are recognised; a power of two */
#define LIMIT_FUSED_BYTES 67108864u   /* of events that wait */
#define LIMIT_FUSION_TOLERANCE_S 3u   /* a default: logs have a resolution of a second, and their writers delay */
#define LIMIT_DEVICES 65536u          /* in the inventory */
#define LIMIT_DEVICE_FACTS 524288u    /* names, topics, fingerprints of all devices ... */
#define LIMIT_FACTS_OF_KIND 8u        /* ... and how many of a kind of one */
#define LIMIT_CENSUS 512u             /* protocols, versions, cipher suites told apart */
#define LIMIT_REPORT_ALERTS 1048576u  /* alerts of a report: more are counted */

/* Logs. */
#define LIMIT_LOG_RECORD 65536u       /* bytes of a record; of a longer one the head is read, the rest skipped */
#define LIMIT_LOG_HEAD 65536u         /* bytes at the beginning of a log by which its format is found */
#define LIMIT_LOG_STATE 8192u         /* bytes that a format keeps for one log */

/* Per flow and direction. */
#define LIMIT_MESSAGE 262144u         /* a message up to this size is buffered whole; of a larger one the head is parsed */
#define LIMIT_OUT_OF_ORDER 1048576u   /* bytes held ahead of a hole before the hole is declared a gap */
#define LIMIT_PARSER_STATE 128u       /* bytes of parser state in a flow */

/* Texts kept after the call that brought them. Longer ones are cut and marked, see name_set(). */
#define LIMIT_NAME 56u
#define LIMIT_SAMPLES 8u              /* samples, frames and files in an alert */

/* Ages, in seconds of event time. */
#define TIMEOUT_TCP_S 3600u           /* an established connection without a packet; a keepalive may be up to 18 h: see flow.h */
#define TIMEOUT_TCP_OPENING_S 10u     /* a SYN without an answer */
#define TIMEOUT_TCP_CLOSED_S 5u       /* late packets after FIN or RST are swallowed */
#define TIMEOUT_UDP_S 120u
#define TIMEOUT_FRAGMENT_S 60u          /* RFC 8200 section 4.5; IPv4 hosts wait 30 to 60 s as well */

/* Records on their way out. */
#define LIMIT_RECORD 262144u          /* bytes of one, as its format wrote it; no format writes longer ones */
#define LIMIT_BACKLOG 8388608u        /* bytes that wait in memory for one output whose receiver is away */
#define LIMIT_JOURNAL_SEGMENTS 4096u  /* files of a journal */
#define LIMIT_WAITING 16384u          /* records of a replay that may wait in the journal for one output: then reading waits, too */

/* Receivers elsewhere. */
#define LIMIT_BATCH 1000u             /* records that are offered at once, and of one request */
#define LIMIT_SEND_S 30u              /* seconds that one call may wait for them */

/* Files that a person wrote. */
#define LIMIT_RULE_FILE 1048576u
#define LIMIT_RULES 4096u
#define LIMIT_REGISTRY_FILE 67108864u /* lists of devices, registries of Ethernet addresses */
#define LIMIT_DATABASE_FILE 1073741824u /* MaxMind format; held in memory */

/* Addresses whose place in the databases is remembered. */
#define LIMIT_PLACES 4096u

#endif
