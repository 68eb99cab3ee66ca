/** Every golden case, by section of RFC 7915. */
import type { GoldenCase } from "./case";
import { FRAGMENTED_ECHO } from "./fragmented-echo";
import { SECTION_4_1 } from "./section-4-1";
import { SECTION_4_2 } from "./section-4-2";
import { SECTION_4_3 } from "./section-4-3";
import { SECTION_4_5 } from "./section-4-5";
import { SECTION_5_1 } from "./section-5-1";
import { SECTION_5_2 } from "./section-5-2";
import { SECTION_5_3 } from "./section-5-3";

export const CASES: readonly GoldenCase[] = [
  ...SECTION_4_1,
  ...SECTION_4_2,
  ...SECTION_4_3,
  ...SECTION_4_5,
  ...SECTION_5_1,
  ...SECTION_5_2,
  ...SECTION_5_3,
  ...FRAGMENTED_ECHO,
];
