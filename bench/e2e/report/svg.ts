/** The little of SVG that the chart needs. */

export interface TextStyle {
  readonly size: number;
  readonly fill: string;
  readonly isBold?: boolean;
}

const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** A picture on white, so that it reads on dark pages too; the title is what screen readers say. */
export function svgDocument(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" \
role="img" font-family="${FONT}">
<title>${escaped(title)}</title>
${rectangle(0, 0, width, height, '#ffffff')}
${parts.join('\n')}
</svg>
`;
}

export function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"/>`;
}

export function text(x: number, y: number, content: string, { size, fill, isBold = false }: TextStyle): string {
  const weight = isBold ? ' font-weight="600"' : '';
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${weight}>${escaped(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
