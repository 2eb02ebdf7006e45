// A program over the package that openapi-generator made for TypeScript and axios.
import { isAxiosError } from "axios";
import {
  CommunicationsApi,
  Configuration,
  type Errors,
  FilterCriteriaFieldEnum,
  FilterCriteriaOperatorEnum,
  NewMessageTypeEnum,
  SearchDetailsLevelEnum,
} from "./client/index";

async function main(): Promise<void> {
  const api = new CommunicationsApi(new Configuration({ basePath: process.env.COMMLOG, apiKey: process.env.KEY }));
  const wanted = { field: FilterCriteriaFieldEnum.State, operator: FilterCriteriaOperatorEnum.Equals, value: "FAILED" };
  const found = (await api.search([wanted], undefined, undefined, undefined, SearchDetailsLevelEnum.Full)).data;
  const email = { type: NewMessageTypeEnum.Email, destination: "ana@example.org", subject: "Hello", body: "Dear Ana" };
  const sent = (await api.send(email, "of the program")).data;
  const resent = await api.resend({ messages: [found[0].encodedKey] });
  const unknown = await api.getByEncodedKey("0".repeat(32)).catch((error: unknown) => {
    if (!isAxiosError<Errors>(error) || !error.response) throw error;
    return error.response;
  });
  console.log(
    JSON.stringify({
      found: found.map((each) => [each.encodedKey, each.state, each.failureReason, new Date(each.creationDate).getUTCFullYear()]),
      sent: [sent.encodedKey, sent.state],
      resent: resent.status,
      unknown: (unknown.data as Errors).errors[0].errorCode,
    }),
  );
}

void main();
