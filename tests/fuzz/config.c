/* Configuration files: any text is refused in words or becomes a configuration. */
#include "tests/support/rig.h"
#include "sensor/config.h"
#include <stdio.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	stderr = fopen("/dev/null", "w"); /* the faults; libFuzzer and the sanitizers write to the descriptor */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_file file = memory_open(data, size);
	config_free(config_load(file.path));
	memory_close(&file);
	return 0;
}
