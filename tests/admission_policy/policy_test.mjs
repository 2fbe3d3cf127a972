// deploy/annotate/policy.yaml, its expressions evaluated as a ValidatingAdmissionPolicy's are: matchConditions, then
// variables, then validations. Another implementation of CEL than the API server's, which our test server is too old for.
//   MODULES  folder with node_modules/{yaml,@marcbachmann/cel-js}
//   UPDATES  JSON: [{what, old, new}], updates by Reeve that a real API server has seen; optional
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {test} from 'node:test';
import {pathToFileURL} from 'node:url';

const at = createRequire(`${process.env.MODULES}/package.json`);
const load = (name) => import(pathToFileURL(at.resolve(name)));
const {parseAllDocuments} = await load('yaml');
const {Environment} = await load('@marcbachmann/cel-js');

const documents = parseAllDocuments(readFileSync(new URL('../../deploy/annotate/policy.yaml', import.meta.url), 'utf8'));
const [policy, binding] = documents.map((document) => document.toJS());
const environment = new Environment({unlistedVariablesAreDyn: true});
const account = 'system:serviceaccount:reeve:reeve';

// null: not this policy's business; "": allowed; else the message of the validation that refuses it.
function judged(oldObject, object, username = account) {
  const scope = {object, oldObject, request: {userInfo: {username}}};
  if (!policy.spec.matchConditions.every(({expression}) => environment.evaluate(expression, scope))) return null;
  scope.variables = Object.fromEntries(
    policy.spec.variables.map(({name, expression}) => [name, environment.evaluate(expression, scope)]));
  const failed = policy.spec.validations.find(({expression}) => environment.evaluate(expression, scope) !== true);
  return failed ? failed.message : '';
}

const prefix = 'autoscaling.knative.dev/';
const revision = (change = () => {}) => {
  const object = {
    apiVersion: 'serving.knative.dev/v1', kind: 'Revision',
    metadata: {name: 'hello-00001', ownerReferences: [{kind: 'Configuration', name: 'hello', controller: true}], labels: {app: 'hello'}, annotations: {owner: 'somebody', [`${prefix}max-scale`]: '9'}},
    spec: {containers: [{image: 'hello', resources: {limits: {cpu: '1'}}}], containerConcurrency: 10},
  };
  change(object);
  return object;
};
const attached = (object) => Object.assign(object.metadata.annotations, {
  [`${prefix}min-scale`]: '3', [`${prefix}max-scale`]: '3', [`${prefix}class`]: 'reeve', 'reeve-attached': '{}'});

test('what Reeve sets and takes back is allowed', () => {
  assert.equal(judged(revision(), revision(attached)), '');
  assert.equal(judged(revision(attached), revision()), '');
  const bare = revision((object) => { delete object.metadata.annotations; delete object.metadata.labels; });
  const annotated = structuredClone(bare);
  annotated.metadata.annotations = {'reeve-attached': '{}', [`${prefix}min-scale`]: '0'};
  assert.equal(judged(bare, annotated), '');
  assert.equal(judged(annotated, bare), '');
});

const annotations = (change) => (object) => change(object.metadata.annotations);
for (const [what, change, message] of [
  ['the spec', (object) => { object.spec.containers[0].image = 'other'; }, 'reeve may not change the spec'],
  ['a part of the spec that is new', (object) => { object.spec.timeoutSeconds = 1; }, 'reeve may not change the spec'],
  ['a label', (object) => { object.metadata.labels.app = 'other'; }, 'reeve may not change labels'],
  ['all labels', (object) => { delete object.metadata.labels; }, 'reeve may not change labels'],
  ['a finalizer', (object) => { object.metadata.finalizers = ['stays']; }, 'reeve may not change finalizers'],
  ['an owner', (object) => { object.metadata.ownerReferences[0].name = 'other'; }, 'reeve may not change owners'],
  ['all owners', (object) => { delete object.metadata.ownerReferences; }, 'reeve may not change owners'],
  ["somebody's annotation", annotations((of) => { of.owner = 'reeve'; }), 'reeve may set only'],
  ['a new annotation', annotations((of) => { of.other = 'x'; }), 'reeve may set only'],
  ["another of Knative's", annotations((of) => { of[`${prefix}target`] = '1'; }), 'reeve may set only'],
  ["somebody's annotation, away", annotations((of) => { delete of.owner; }), 'reeve may remove only'],
  ['all annotations, away', (object) => { delete object.metadata.annotations; }, 'reeve may remove only'],
]) {
  test(`refused: ${what}`, () => {
    assert.match(judged(revision(), revision(change)) ?? '', new RegExp(`^${message}`));
    // Among what is allowed, too.
    const both = revision();
    if (both.metadata.annotations) attached(both);
    change(both);
    assert.notEqual(judged(revision(), both), '');
    assert.equal(judged(revision(), revision(change), 'somebody'), null);
  });
}

test('it is bound, refuses, and covers what the account may patch', () => {
  assert.equal(binding.spec.policyName, policy.metadata.name);
  assert.deepEqual(binding.spec.validationActions, ['Deny']);
  assert.equal(policy.spec.failurePolicy, 'Fail');
  const roles = parseAllDocuments(readFileSync(new URL('../../deploy/base/rbac.yaml', import.meta.url), 'utf8'));
  const {rules} = roles.map((role) => role.toJS()).find(({metadata}) => metadata.name === 'reeve-annotator');
  const covered = policy.spec.matchConstraints.resourceRules.flatMap(({apiGroups, resources}) =>
    apiGroups.flatMap((group) => resources.map((resource) => `${group}/${resource}`)));
  for (const {apiGroups, resources, verbs} of rules) {
    assert.deepEqual(verbs, ['patch']);
    for (const group of apiGroups) for (const resource of resources) assert.ok(covered.includes(`${group}/${resource}`));
  }
});

if (process.env.UPDATES) {
  const updates = JSON.parse(readFileSync(process.env.UPDATES, 'utf8'));
  test(`${updates.length} updates that Reeve made`, () => {
    assert.ok(updates.length > 0);
    for (const {what, old, new: now} of updates) assert.equal(judged(old, now), '', what);
  });
}
