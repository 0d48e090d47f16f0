// Validates names from URLs before anything uses them, so that they cannot inject paths, markup or playlist lines.

import { Type } from 'typebox';

/** One path segment, percent-decoded once: letters, digits and `_.-`, but neither `.` nor `..`. */
export const NameSchema = Type.String({ pattern: '^(?!\\.{1,2}$)[0-9A-Za-z_.-]{1,255}$' });

export const StreamParameters = Type.Object({ app: NameSchema, name: NameSchema });

export const RenditionParameters = Type.Object({ app: NameSchema, name: NameSchema, rendition: NameSchema });

export const FileParameters = Type.Object({
  app: NameSchema,
  name: NameSchema,
  rendition: NameSchema,
  file: NameSchema,
});

/** RFC 8216bis section 6.2.5. Unknown parameters are ignored. A repeated parameter is parsed as an array, so it is refused. */
export const DeliveryDirectiveQuery = Type.Object({
  _HLS_msn: Type.Optional(Type.String({ maxLength: 32 })),
  _HLS_part: Type.Optional(Type.String({ maxLength: 32 })),
  _HLS_skip: Type.Optional(Type.String({ maxLength: 32 })),
});
