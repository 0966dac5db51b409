"""libspandsp through cffi in ABI mode: declarations, and where the library is.

Why: no compiler on the user's machine. Every context is opaque and comes from its `_init`; the one
structure that is read (`t30_stats_t`) is fifteen ints in a row.

The API is that of 0.0.6, which Debian and Ubuntu ship (`libspandsp2`); the symbols of newer ones
differ. LGPL-2.1, loaded at run time.

Sources: spandsp 0.0.6 `fax.h`, `t30.h`, `t38_core.h`, `t38_terminal.h`, `t31.h`, `logging.h`.
"""

from functools import cache
from typing import Any

import cffi

from callcenter.domain.errors import CallcenterError

LIBRARY = "libspandsp.so.2"
REMEDY = "apt install libspandsp2"

DECLARATIONS = """
typedef struct fax_state_s fax_state_t;
typedef struct t30_state_s t30_state_t;
typedef struct t38_core_state_s t38_core_state_t;
typedef struct t38_terminal_state_s t38_terminal_state_t;
typedef struct logging_state_s logging_state_t;

fax_state_t *fax_init(fax_state_t *s, int calling_party);
int fax_free(fax_state_t *s);
int fax_rx(fax_state_t *s, int16_t *buf, int len);
int fax_rx_fillin(fax_state_t *s, int len);
int fax_tx(fax_state_t *s, int16_t *buf, int max_len);
void fax_set_transmit_on_idle(fax_state_t *s, int transmit_on_idle);
t30_state_t *fax_get_t30_state(fax_state_t *s);
logging_state_t *fax_get_logging_state(fax_state_t *s);

typedef int (*t38_tx_packet_handler_t)(t38_core_state_t *s, void *user_data, const uint8_t *buf,
                                       int len, int count);
t38_terminal_state_t *t38_terminal_init(t38_terminal_state_t *s, int calling_party,
                                        t38_tx_packet_handler_t handler, void *user_data);
int t38_terminal_free(t38_terminal_state_t *s);
int t38_terminal_send_timeout(t38_terminal_state_t *s, int samples);
void t38_terminal_set_config(t38_terminal_state_t *s, int without_pacing);
t30_state_t *t38_terminal_get_t30_state(t38_terminal_state_t *s);
t38_core_state_t *t38_terminal_get_t38_core_state(t38_terminal_state_t *s);
logging_state_t *t38_terminal_get_logging_state(t38_terminal_state_t *s);
int t38_core_rx_ifp_packet(t38_core_state_t *s, const uint8_t *buf, int len, uint16_t seq_no);
logging_state_t *t38_core_get_logging_state(t38_core_state_t *s);
void t38_set_t38_version(t38_core_state_t *s, int t38_version);
void t38_set_max_datagram_size(t38_core_state_t *s, int max_datagram_size);
void t38_set_data_rate_management_method(t38_core_state_t *s, int method);
void t38_set_data_transport_protocol(t38_core_state_t *s, int protocol);
void t38_set_redundancy_control(t38_core_state_t *s, int category, int setting);

typedef int (*t30_phase_b_handler_t)(t30_state_t *s, void *user_data, int result);
typedef int (*t30_phase_d_handler_t)(t30_state_t *s, void *user_data, int result);
typedef void (*t30_phase_e_handler_t)(t30_state_t *s, void *user_data, int completion_code);
int t30_set_tx_ident(t30_state_t *s, const char *id);
int t30_set_tx_sub_address(t30_state_t *s, const char *sub_address);
int t30_set_tx_page_header_info(t30_state_t *s, const char *info);
int t30_set_tx_page_header_tz(t30_state_t *s, const char *tzstring);
void t30_set_tx_file(t30_state_t *s, const char *file, int start_page, int stop_page);
void t30_set_rx_file(t30_state_t *s, const char *file, int stop_page);
int t30_set_ecm_capability(t30_state_t *s, int enabled);
int t30_set_rx_encoding(t30_state_t *s, int encoding);
int t30_set_supported_modems(t30_state_t *s, int supported_modems);
int t30_set_supported_compressions(t30_state_t *s, int supported_compressions);
int t30_set_supported_resolutions(t30_state_t *s, int supported_resolutions);
int t30_set_supported_image_sizes(t30_state_t *s, int supported_image_sizes);
int t30_set_supported_t30_features(t30_state_t *s, int supported_t30_features);
void t30_set_phase_b_handler(t30_state_t *s, t30_phase_b_handler_t handler, void *user_data);
void t30_set_phase_d_handler(t30_state_t *s, t30_phase_d_handler_t handler, void *user_data);
void t30_set_phase_e_handler(t30_state_t *s, t30_phase_e_handler_t handler, void *user_data);
const char *t30_get_rx_ident(t30_state_t *s);
const char *t30_get_rx_sub_address(t30_state_t *s);
int t30_call_active(t30_state_t *s);
void t30_terminate(t30_state_t *s);
void t30_get_transfer_statistics(t30_state_t *s, void *stats);
const char *t30_completion_code_to_str(int result);

int span_log_set_level(logging_state_t *s, int level);
"""


class FaxUnavailable(CallcenterError):
    """There is no fax on this machine; the message says what to install."""


@cache
def library() -> tuple[Any, Any]:
    """The foreign-function interface and the library. Raises `FaxUnavailable`."""
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    try:
        return ffi, ffi.dlopen(LIBRARY)
    except OSError as missing:
        raise FaxUnavailable(f"{LIBRARY} is not on this machine: {REMEDY}") from missing
