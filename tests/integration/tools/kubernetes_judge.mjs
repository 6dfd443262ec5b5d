// Reads YAML from standard input and holds each document against Kubernetes' schema, as npm's kubernetes-models has it:
//
//     node kubernetes_judge.mjs FOLDER < manifest.yaml
//
// FOLDER has the node_modules. Prints JSON: the documents, and a complaint for each value of a wrong type, each field
// that is missing, and each that the schema does not know. The package's validators let the last pass, so fields are
// looked up in its declarations.

import {existsSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

const modules = resolve(process.argv[2], 'node_modules');
const yaml = createRequire(join(modules, 'x'))('yaml');
const complaints = [];

/** The fields of the interface in a declaration file, and where the types of others are declared. */
function declaration(file) {
    const text = readFileSync(file, 'utf8');
    const body = text.match(/^export interface \w+[^{]*\{\n(.*?)^\}/ms)[1];
    const fields = new Map([...body.matchAll(/^    "([^"]+)"\??: (.+?);?$/gm)].map((match) => [match[1], match[2]]));
    const files = new Map([...text.matchAll(/^import \{ (\w+) \} from "(.+)\.js"/gm)].map((match) => [
        match[1], match[2].startsWith('.') ? join(dirname(file), match[2]) : join(modules, match[2])]));
    return {fields, files};
}

function walk(value, file, path) {
    const {fields, files} = declaration(file);
    for (const [name, inner] of Object.entries(value)) {
        const type = fields.get(name);
        if (type === undefined) {
            complaints.push(`${path}.${name}: no such field`);
            continue;
        }
        const other = files.get(type.replace(/^Array<(.*)>$/, '$1'));
        if (other === undefined || !existsSync(other + '.d.ts') || inner === null || typeof inner !== 'object') continue;
        const members = Array.isArray(inner) ? inner : [inner];
        members.forEach((member) => walk(member, other + '.d.ts', `${path}.${name}`));
    }
}

async function look(document) {
    const place = join(modules, 'kubernetes-models', String(document.apiVersion), String(document.kind));
    if (!existsSync(place + '.js')) return complaints.push(`${document.apiVersion} ${document.kind}: no such kind`);
    const model = (await import(pathToFileURL(place + '.js')))[document.kind];
    try {
        new model(document).validate();
    } catch (error) {
        complaints.push(`${document.kind}: ${error.message}`);
    }
    walk(document, place + '.d.ts', document.kind);
}

const documents = yaml.parseAllDocuments(readFileSync(0, 'utf8')).map((document) => {
    complaints.push(...document.errors.map(String));
    return document.toJS();
});
for (const document of documents) await look(document);
process.stdout.write(JSON.stringify({documents, complaints}));
