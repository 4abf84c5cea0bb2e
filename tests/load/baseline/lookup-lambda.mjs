// A number for a visitor as a usual Node function on Lambda gives it: to measure our lookup against.
//
//   AWS_LAMBDA_RUNTIME_API=… AWS_ENDPOINT_URL=… TABLE_NAME=… NUMBERS=… node lookup-lambda.mjs
//
// It reads the tag and leases a number by one conditional write, with the SDK's document client. No visit is written, no
// number is looked for (it takes one after the other) and no lease is signed, so the comparison is kind to this side.
import http from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

const { AWS_LAMBDA_RUNTIME_API: api, TABLE_NAME: table, NUMBERS: numbers } = process.env;
const database = DynamoDBDocumentClient.from(new DynamoDBClient({}));
let next = 0;

async function lookup(event) {
  const { tag, visit } = JSON.parse(event.body);
  const found = await database.send(new GetCommand({ TableName: table, Key: { pk: `USUAL#${tag}`, sk: 'TAG' } }));
  if (!found.Item) return { statusCode: 404, body: '{}' };
  const now = Math.floor(Date.now() / 1000);
  next = (next + 1) % Number(numbers);
  const leased = await database.send(
    new UpdateCommand({
      TableName: table,
      Key: { pk: `USUAL#${found.Item.pool}`, sk: `NUMBER#${String(next).padStart(5, '0')}` },
      UpdateExpression: 'SET visit = :visit, lease_until = :until, #number = if_not_exists(#number, :number)',
      ConditionExpression: 'attribute_not_exists(lease_until) OR lease_until < :now OR visit = :visit',
      ExpressionAttributeNames: { '#number': 'number' },
      ExpressionAttributeValues: {
        ':visit': visit,
        ':until': now + found.Item.seconds,
        ':now': now,
        ':number': `+1415${String(2_000_000 + next)}`,
      },
      ReturnValues: 'ALL_NEW',
    }),
  );
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ number: leased.Attributes.number, until: leased.Attributes.lease_until }),
  };
}

// What Lambda's own runtime does around a handler, and no more.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [host, port] = api.split(':');

function ask(method, path, body) {
  return new Promise((answered, failed) => {
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = http.request({ host, port, method, path, agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => (text += piece));
      answer.on('end', () => answered({ headers: answer.headers, text }));
    });
    request.on('error', failed);
    request.end(body);
  });
}

for (;;) {
  const invocation = await ask('GET', '/2018-06-01/runtime/invocation/next');
  const id = invocation.headers['lambda-runtime-aws-request-id'];
  const answer = await lookup(JSON.parse(invocation.text));
  await ask('POST', `/2018-06-01/runtime/invocation/${id}/response`, JSON.stringify(answer));
}
