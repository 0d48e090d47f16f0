// Flags for the optional fields of movie fragment boxes, shared by reader and writer.

/** `tfhd` (ISO/IEC 14496-12 8.8.7). */
export const TFHD_BASE_DATA_OFFSET = 0x1;
export const TFHD_SAMPLE_DESCRIPTION_INDEX = 0x2;
export const TFHD_DEFAULT_SAMPLE_DURATION = 0x8;
export const TFHD_DEFAULT_SAMPLE_SIZE = 0x10;
export const TFHD_DEFAULT_SAMPLE_FLAGS = 0x20;
export const TFHD_DEFAULT_BASE_IS_MOOF = 0x02_0000;

/** `trun` (8.8.8). */
export const TRUN_DATA_OFFSET = 0x1;
export const TRUN_FIRST_SAMPLE_FLAGS = 0x4;
export const TRUN_SAMPLE_DURATION = 0x100;
export const TRUN_SAMPLE_SIZE = 0x200;
export const TRUN_SAMPLE_FLAGS = 0x400;
export const TRUN_SAMPLE_COMPOSITION_OFFSET = 0x800;
