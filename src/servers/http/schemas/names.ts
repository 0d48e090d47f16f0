// Names from a URL are checked before anything else sees them: no path, no markup and no playlist line can be built from them.

import { Type } from 'typebox';

/** One path segment after exactly one percent-decoding: a closed charset, and neither `.` nor `..`. */
export const NameSchema = Type.String({ pattern: '^(?!\\.{1,2}$)[0-9A-Za-z_.-]{1,255}$' });

export const StreamParameters = Type.Object({ app: NameSchema, name: NameSchema });

export const RenditionParameters = Type.Object({ app: NameSchema, name: NameSchema, rendition: NameSchema });

export const FileParameters = Type.Object({
  app: NameSchema,
  name: NameSchema,
  rendition: NameSchema,
  file: NameSchema,
});

/** RFC 8216bis section 6.2.5. Unknown parameters are allowed and ignored; a repeated one is no string and refused. */
export const DeliveryDirectiveQuery = Type.Object({
  _HLS_msn: Type.Optional(Type.String({ maxLength: 32 })),
  _HLS_part: Type.Optional(Type.String({ maxLength: 32 })),
  _HLS_skip: Type.Optional(Type.String({ maxLength: 32 })),
});
